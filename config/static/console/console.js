/**
 * @license
 * Copyright 2019 Google LLC
 * SPDX-License-Identifier: BSD-3-Clause
 */var t=globalThis,e=t.ShadowRoot&&(t.ShadyCSS===void 0||t.ShadyCSS.nativeShadow)&&"adoptedStyleSheets"in Document.prototype&&"replace"in CSSStyleSheet.prototype,s=Symbol(),o=new WeakMap,n=class{constructor(t3,e4,o5){if(this._$cssResult$=!0,o5!==s)throw Error("CSSResult is not constructable. Use `unsafeCSS` or `css` instead.");this.cssText=t3,this.t=e4}get styleSheet(){let t3=this.o,s4=this.t;if(e&&t3===void 0){let e4=s4!==void 0&&s4.length===1;e4&&(t3=o.get(s4)),t3===void 0&&((this.o=t3=new CSSStyleSheet).replaceSync(this.cssText),e4&&o.set(s4,t3))}return t3}toString(){return this.cssText}},r=t3=>new n(typeof t3=="string"?t3:t3+"",void 0,s);var S=(s4,o5)=>{if(e)s4.adoptedStyleSheets=o5.map(t3=>t3 instanceof CSSStyleSheet?t3:t3.styleSheet);else for(let e4 of o5){let o6=document.createElement("style"),n4=t.litNonce;n4!==void 0&&o6.setAttribute("nonce",n4),o6.textContent=e4.cssText,s4.appendChild(o6)}},c=e?t3=>t3:t3=>t3 instanceof CSSStyleSheet?(t4=>{let e4="";for(let s4 of t4.cssRules)e4+=s4.cssText;return r(e4)})(t3):t3;/**
 * @license
 * Copyright 2017 Google LLC
 * SPDX-License-Identifier: BSD-3-Clause
 */var{is:i2,defineProperty:e2,getOwnPropertyDescriptor:h,getOwnPropertyNames:r2,getOwnPropertySymbols:o2,getPrototypeOf:n2}=Object,a=globalThis,c2=a.trustedTypes,l=c2?c2.emptyScript:"",p=a.reactiveElementPolyfillSupport,d=(t3,s4)=>t3,u={toAttribute(t3,s4){switch(s4){case Boolean:t3=t3?l:null;break;case Object:case Array:t3=t3==null?t3:JSON.stringify(t3)}return t3},fromAttribute(t3,s4){let i5=t3;switch(s4){case Boolean:i5=t3!==null;break;case Number:i5=t3===null?null:Number(t3);break;case Object:case Array:try{i5=JSON.parse(t3)}catch{i5=null}}return i5}},f=(t3,s4)=>!i2(t3,s4),b={attribute:!0,type:String,converter:u,reflect:!1,useDefault:!1,hasChanged:f};Symbol.metadata??=Symbol("metadata"),a.litPropertyMetadata??=new WeakMap;var y=class extends HTMLElement{static addInitializer(t3){this._$Ei(),(this.l??=[]).push(t3)}static get observedAttributes(){return this.finalize(),this._$Eh&&[...this._$Eh.keys()]}static createProperty(t3,s4=b){if(s4.state&&(s4.attribute=!1),this._$Ei(),this.prototype.hasOwnProperty(t3)&&((s4=Object.create(s4)).wrapped=!0),this.elementProperties.set(t3,s4),!s4.noAccessor){let i5=Symbol(),h3=this.getPropertyDescriptor(t3,i5,s4);h3!==void 0&&e2(this.prototype,t3,h3)}}static getPropertyDescriptor(t3,s4,i5){let{get:e4,set:r4}=h(this.prototype,t3)??{get(){return this[s4]},set(t4){this[s4]=t4}};return{get:e4,set(s5){let h3=e4?.call(this);r4?.call(this,s5),this.requestUpdate(t3,h3,i5)},configurable:!0,enumerable:!0}}static getPropertyOptions(t3){return this.elementProperties.get(t3)??b}static _$Ei(){if(this.hasOwnProperty(d("elementProperties")))return;let t3=n2(this);t3.finalize(),t3.l!==void 0&&(this.l=[...t3.l]),this.elementProperties=new Map(t3.elementProperties)}static finalize(){if(this.hasOwnProperty(d("finalized")))return;if(this.finalized=!0,this._$Ei(),this.hasOwnProperty(d("properties"))){let t4=this.properties,s4=[...r2(t4),...o2(t4)];for(let i5 of s4)this.createProperty(i5,t4[i5])}let t3=this[Symbol.metadata];if(t3!==null){let s4=litPropertyMetadata.get(t3);if(s4!==void 0)for(let[t4,i5]of s4)this.elementProperties.set(t4,i5)}this._$Eh=new Map;for(let[t4,s4]of this.elementProperties){let i5=this._$Eu(t4,s4);i5!==void 0&&this._$Eh.set(i5,t4)}this.elementStyles=this.finalizeStyles(this.styles)}static finalizeStyles(s4){let i5=[];if(Array.isArray(s4)){let e4=new Set(s4.flat(1/0).reverse());for(let s5 of e4)i5.unshift(c(s5))}else s4!==void 0&&i5.push(c(s4));return i5}static _$Eu(t3,s4){let i5=s4.attribute;return i5===!1?void 0:typeof i5=="string"?i5:typeof t3=="string"?t3.toLowerCase():void 0}constructor(){super(),this._$Ep=void 0,this.isUpdatePending=!1,this.hasUpdated=!1,this._$Em=null,this._$Ev()}_$Ev(){this._$ES=new Promise(t3=>this.enableUpdating=t3),this._$AL=new Map,this._$E_(),this.requestUpdate(),this.constructor.l?.forEach(t3=>t3(this))}addController(t3){(this._$EO??=new Set).add(t3),this.renderRoot!==void 0&&this.isConnected&&t3.hostConnected?.()}removeController(t3){this._$EO?.delete(t3)}_$E_(){let t3=new Map,s4=this.constructor.elementProperties;for(let i5 of s4.keys())this.hasOwnProperty(i5)&&(t3.set(i5,this[i5]),delete this[i5]);t3.size>0&&(this._$Ep=t3)}createRenderRoot(){let t3=this.shadowRoot??this.attachShadow(this.constructor.shadowRootOptions);return S(t3,this.constructor.elementStyles),t3}connectedCallback(){this.renderRoot??=this.createRenderRoot(),this.enableUpdating(!0),this._$EO?.forEach(t3=>t3.hostConnected?.())}enableUpdating(t3){}disconnectedCallback(){this._$EO?.forEach(t3=>t3.hostDisconnected?.())}attributeChangedCallback(t3,s4,i5){this._$AK(t3,i5)}_$ET(t3,s4){let i5=this.constructor.elementProperties.get(t3),e4=this.constructor._$Eu(t3,i5);if(e4!==void 0&&i5.reflect===!0){let h3=(i5.converter?.toAttribute!==void 0?i5.converter:u).toAttribute(s4,i5.type);this._$Em=t3,h3==null?this.removeAttribute(e4):this.setAttribute(e4,h3),this._$Em=null}}_$AK(t3,s4){let i5=this.constructor,e4=i5._$Eh.get(t3);if(e4!==void 0&&this._$Em!==e4){let t4=i5.getPropertyOptions(e4),h3=typeof t4.converter=="function"?{fromAttribute:t4.converter}:t4.converter?.fromAttribute!==void 0?t4.converter:u;this._$Em=e4;let r4=h3.fromAttribute(s4,t4.type);this[e4]=r4??this._$Ej?.get(e4)??r4,this._$Em=null}}requestUpdate(t3,s4,i5,e4=!1,h3){if(t3!==void 0){let r4=this.constructor;if(e4===!1&&(h3=this[t3]),i5??=r4.getPropertyOptions(t3),!((i5.hasChanged??f)(h3,s4)||i5.useDefault&&i5.reflect&&h3===this._$Ej?.get(t3)&&!this.hasAttribute(r4._$Eu(t3,i5))))return;this.C(t3,s4,i5)}this.isUpdatePending===!1&&(this._$ES=this._$EP())}C(t3,s4,{useDefault:i5,reflect:e4,wrapped:h3},r4){i5&&!(this._$Ej??=new Map).has(t3)&&(this._$Ej.set(t3,r4??s4??this[t3]),h3!==!0||r4!==void 0)||(this._$AL.has(t3)||(this.hasUpdated||i5||(s4=void 0),this._$AL.set(t3,s4)),e4===!0&&this._$Em!==t3&&(this._$Eq??=new Set).add(t3))}async _$EP(){this.isUpdatePending=!0;try{await this._$ES}catch(t4){Promise.reject(t4)}let t3=this.scheduleUpdate();return t3!=null&&await t3,!this.isUpdatePending}scheduleUpdate(){return this.performUpdate()}performUpdate(){if(!this.isUpdatePending)return;if(!this.hasUpdated){if(this.renderRoot??=this.createRenderRoot(),this._$Ep){for(let[t5,s5]of this._$Ep)this[t5]=s5;this._$Ep=void 0}let t4=this.constructor.elementProperties;if(t4.size>0)for(let[s5,i5]of t4){let{wrapped:t5}=i5,e4=this[s5];t5!==!0||this._$AL.has(s5)||e4===void 0||this.C(s5,void 0,i5,e4)}}let t3=!1,s4=this._$AL;try{t3=this.shouldUpdate(s4),t3?(this.willUpdate(s4),this._$EO?.forEach(t4=>t4.hostUpdate?.()),this.update(s4)):this._$EM()}catch(s5){throw t3=!1,this._$EM(),s5}t3&&this._$AE(s4)}willUpdate(t3){}_$AE(t3){this._$EO?.forEach(t4=>t4.hostUpdated?.()),this.hasUpdated||(this.hasUpdated=!0,this.firstUpdated(t3)),this.updated(t3)}_$EM(){this._$AL=new Map,this.isUpdatePending=!1}get updateComplete(){return this.getUpdateComplete()}getUpdateComplete(){return this._$ES}shouldUpdate(t3){return!0}update(t3){this._$Eq&&=this._$Eq.forEach(t4=>this._$ET(t4,this[t4])),this._$EM()}updated(t3){}firstUpdated(t3){}};y.elementStyles=[],y.shadowRootOptions={mode:"open"},y[d("elementProperties")]=new Map,y[d("finalized")]=new Map,p?.({ReactiveElement:y}),(a.reactiveElementVersions??=[]).push("2.1.2");/**
 * @license
 * Copyright 2017 Google LLC
 * SPDX-License-Identifier: BSD-3-Clause
 */var t2=globalThis,i3=t3=>t3,s2=t2.trustedTypes,e3=s2?s2.createPolicy("lit-html",{createHTML:t3=>t3}):void 0,h2="$lit$",o3=`lit$${Math.random().toFixed(9).slice(2)}$`,n3="?"+o3,r3=`<${n3}>`,l2=document,c3=()=>l2.createComment(""),a2=t3=>t3===null||typeof t3!="object"&&typeof t3!="function",u2=Array.isArray,d2=t3=>u2(t3)||typeof t3?.[Symbol.iterator]=="function",f2=`[ 	
\f\r]`,v=/<(?:(!--|\/[^a-zA-Z])|(\/?[a-zA-Z][^>\s]*)|(\/?$))/g,_=/-->/g,m=/>/g,p2=RegExp(`>|${f2}(?:([^\\s"'>=/]+)(${f2}*=${f2}*(?:[^ 	
\f\r"'\`<>=]|("|')|))|$)`,"g"),g=/'/g,$=/"/g,y2=/^(?:script|style|textarea|title)$/i,x=t3=>(i5,...s4)=>({_$litType$:t3,strings:i5,values:s4}),b2=x(1),w=x(2),T=x(3),E=Symbol.for("lit-noChange"),A=Symbol.for("lit-nothing"),C=new WeakMap,P=l2.createTreeWalker(l2,129);function V(t3,i5){if(!u2(t3)||!t3.hasOwnProperty("raw"))throw Error("invalid template strings array");return e3!==void 0?e3.createHTML(i5):i5}var N=(t3,i5)=>{let s4=t3.length-1,e4=[],n4,l3=i5===2?"<svg>":i5===3?"<math>":"",c4=v;for(let i6=0;i6<s4;i6++){let s5=t3[i6],a3,u3,d3=-1,f3=0;for(;f3<s5.length&&(c4.lastIndex=f3,u3=c4.exec(s5),u3!==null);)f3=c4.lastIndex,c4===v?u3[1]==="!--"?c4=_:u3[1]!==void 0?c4=m:u3[2]!==void 0?(y2.test(u3[2])&&(n4=RegExp("</"+u3[2],"g")),c4=p2):u3[3]!==void 0&&(c4=p2):c4===p2?u3[0]===">"?(c4=n4??v,d3=-1):u3[1]===void 0?d3=-2:(d3=c4.lastIndex-u3[2].length,a3=u3[1],c4=u3[3]===void 0?p2:u3[3]==='"'?$:g):c4===$||c4===g?c4=p2:c4===_||c4===m?c4=v:(c4=p2,n4=void 0);let x2=c4===p2&&t3[i6+1].startsWith("/>")?" ":"";l3+=c4===v?s5+r3:d3>=0?(e4.push(a3),s5.slice(0,d3)+h2+s5.slice(d3)+o3+x2):s5+o3+(d3===-2?i6:x2)}return[V(t3,l3+(t3[s4]||"<?>")+(i5===2?"</svg>":i5===3?"</math>":"")),e4]},S2=class _S{constructor({strings:t3,_$litType$:i5},e4){let r4;this.parts=[];let l3=0,a3=0,u3=t3.length-1,d3=this.parts,[f3,v2]=N(t3,i5);if(this.el=_S.createElement(f3,e4),P.currentNode=this.el.content,i5===2||i5===3){let t4=this.el.content.firstChild;t4.replaceWith(...t4.childNodes)}for(;(r4=P.nextNode())!==null&&d3.length<u3;){if(r4.nodeType===1){if(r4.hasAttributes())for(let t4 of r4.getAttributeNames())if(t4.endsWith(h2)){let i6=v2[a3++],s4=r4.getAttribute(t4).split(o3),e5=/([.?@])?(.*)/.exec(i6);d3.push({type:1,index:l3,name:e5[2],strings:s4,ctor:e5[1]==="."?I:e5[1]==="?"?L:e5[1]==="@"?z:H}),r4.removeAttribute(t4)}else t4.startsWith(o3)&&(d3.push({type:6,index:l3}),r4.removeAttribute(t4));if(y2.test(r4.tagName)){let t4=r4.textContent.split(o3),i6=t4.length-1;if(i6>0){r4.textContent=s2?s2.emptyScript:"";for(let s4=0;s4<i6;s4++)r4.append(t4[s4],c3()),P.nextNode(),d3.push({type:2,index:++l3});r4.append(t4[i6],c3())}}}else if(r4.nodeType===8)if(r4.data===n3)d3.push({type:2,index:l3});else{let t4=-1;for(;(t4=r4.data.indexOf(o3,t4+1))!==-1;)d3.push({type:7,index:l3}),t4+=o3.length-1}l3++}}static createElement(t3,i5){let s4=l2.createElement("template");return s4.innerHTML=t3,s4}};function M(t3,i5,s4=t3,e4){if(i5===E)return i5;let h3=e4!==void 0?s4._$Co?.[e4]:s4._$Cl,o5=a2(i5)?void 0:i5._$litDirective$;return h3?.constructor!==o5&&(h3?._$AO?.(!1),o5===void 0?h3=void 0:(h3=new o5(t3),h3._$AT(t3,s4,e4)),e4!==void 0?(s4._$Co??=[])[e4]=h3:s4._$Cl=h3),h3!==void 0&&(i5=M(t3,h3._$AS(t3,i5.values),h3,e4)),i5}var R=class{constructor(t3,i5){this._$AV=[],this._$AN=void 0,this._$AD=t3,this._$AM=i5}get parentNode(){return this._$AM.parentNode}get _$AU(){return this._$AM._$AU}u(t3){let{el:{content:i5},parts:s4}=this._$AD,e4=(t3?.creationScope??l2).importNode(i5,!0);P.currentNode=e4;let h3=P.nextNode(),o5=0,n4=0,r4=s4[0];for(;r4!==void 0;){if(o5===r4.index){let i6;r4.type===2?i6=new k(h3,h3.nextSibling,this,t3):r4.type===1?i6=new r4.ctor(h3,r4.name,r4.strings,this,t3):r4.type===6&&(i6=new Z(h3,this,t3)),this._$AV.push(i6),r4=s4[++n4]}o5!==r4?.index&&(h3=P.nextNode(),o5++)}return P.currentNode=l2,e4}p(t3){let i5=0;for(let s4 of this._$AV)s4!==void 0&&(s4.strings!==void 0?(s4._$AI(t3,s4,i5),i5+=s4.strings.length-2):s4._$AI(t3[i5])),i5++}},k=class _k{get _$AU(){return this._$AM?._$AU??this._$Cv}constructor(t3,i5,s4,e4){this.type=2,this._$AH=A,this._$AN=void 0,this._$AA=t3,this._$AB=i5,this._$AM=s4,this.options=e4,this._$Cv=e4?.isConnected??!0}get parentNode(){let t3=this._$AA.parentNode,i5=this._$AM;return i5!==void 0&&t3?.nodeType===11&&(t3=i5.parentNode),t3}get startNode(){return this._$AA}get endNode(){return this._$AB}_$AI(t3,i5=this){t3=M(this,t3,i5),a2(t3)?t3===A||t3==null||t3===""?(this._$AH!==A&&this._$AR(),this._$AH=A):t3!==this._$AH&&t3!==E&&this._(t3):t3._$litType$!==void 0?this.$(t3):t3.nodeType!==void 0?this.T(t3):d2(t3)?this.k(t3):this._(t3)}O(t3){return this._$AA.parentNode.insertBefore(t3,this._$AB)}T(t3){this._$AH!==t3&&(this._$AR(),this._$AH=this.O(t3))}_(t3){this._$AH!==A&&a2(this._$AH)?this._$AA.nextSibling.data=t3:this.T(l2.createTextNode(t3)),this._$AH=t3}$(t3){let{values:i5,_$litType$:s4}=t3,e4=typeof s4=="number"?this._$AC(t3):(s4.el===void 0&&(s4.el=S2.createElement(V(s4.h,s4.h[0]),this.options)),s4);if(this._$AH?._$AD===e4)this._$AH.p(i5);else{let t4=new R(e4,this),s5=t4.u(this.options);t4.p(i5),this.T(s5),this._$AH=t4}}_$AC(t3){let i5=C.get(t3.strings);return i5===void 0&&C.set(t3.strings,i5=new S2(t3)),i5}k(t3){u2(this._$AH)||(this._$AH=[],this._$AR());let i5=this._$AH,s4,e4=0;for(let h3 of t3)e4===i5.length?i5.push(s4=new _k(this.O(c3()),this.O(c3()),this,this.options)):s4=i5[e4],s4._$AI(h3),e4++;e4<i5.length&&(this._$AR(s4&&s4._$AB.nextSibling,e4),i5.length=e4)}_$AR(t3=this._$AA.nextSibling,s4){for(this._$AP?.(!1,!0,s4);t3!==this._$AB;){let s5=i3(t3).nextSibling;i3(t3).remove(),t3=s5}}setConnected(t3){this._$AM===void 0&&(this._$Cv=t3,this._$AP?.(t3))}},H=class{get tagName(){return this.element.tagName}get _$AU(){return this._$AM._$AU}constructor(t3,i5,s4,e4,h3){this.type=1,this._$AH=A,this._$AN=void 0,this.element=t3,this.name=i5,this._$AM=e4,this.options=h3,s4.length>2||s4[0]!==""||s4[1]!==""?(this._$AH=Array(s4.length-1).fill(new String),this.strings=s4):this._$AH=A}_$AI(t3,i5=this,s4,e4){let h3=this.strings,o5=!1;if(h3===void 0)t3=M(this,t3,i5,0),o5=!a2(t3)||t3!==this._$AH&&t3!==E,o5&&(this._$AH=t3);else{let e5=t3,n4,r4;for(t3=h3[0],n4=0;n4<h3.length-1;n4++)r4=M(this,e5[s4+n4],i5,n4),r4===E&&(r4=this._$AH[n4]),o5||=!a2(r4)||r4!==this._$AH[n4],r4===A?t3=A:t3!==A&&(t3+=(r4??"")+h3[n4+1]),this._$AH[n4]=r4}o5&&!e4&&this.j(t3)}j(t3){t3===A?this.element.removeAttribute(this.name):this.element.setAttribute(this.name,t3??"")}},I=class extends H{constructor(){super(...arguments),this.type=3}j(t3){this.element[this.name]=t3===A?void 0:t3}},L=class extends H{constructor(){super(...arguments),this.type=4}j(t3){this.element.toggleAttribute(this.name,!!t3&&t3!==A)}},z=class extends H{constructor(t3,i5,s4,e4,h3){super(t3,i5,s4,e4,h3),this.type=5}_$AI(t3,i5=this){if((t3=M(this,t3,i5,0)??A)===E)return;let s4=this._$AH,e4=t3===A&&s4!==A||t3.capture!==s4.capture||t3.once!==s4.once||t3.passive!==s4.passive,h3=t3!==A&&(s4===A||e4);e4&&this.element.removeEventListener(this.name,this,s4),h3&&this.element.addEventListener(this.name,this,t3),this._$AH=t3}handleEvent(t3){typeof this._$AH=="function"?this._$AH.call(this.options?.host??this.element,t3):this._$AH.handleEvent(t3)}},Z=class{constructor(t3,i5,s4){this.element=t3,this.type=6,this._$AN=void 0,this._$AM=i5,this.options=s4}get _$AU(){return this._$AM._$AU}_$AI(t3){M(this,t3)}};var B=t2.litHtmlPolyfillSupport;B?.(S2,k),(t2.litHtmlVersions??=[]).push("3.3.3");var D=(t3,i5,s4)=>{let e4=s4?.renderBefore??i5,h3=e4._$litPart$;if(h3===void 0){let t4=s4?.renderBefore??null;e4._$litPart$=h3=new k(i5.insertBefore(c3(),t4),t4,void 0,s4??{})}return h3._$AI(t3),h3};/**
 * @license
 * Copyright 2017 Google LLC
 * SPDX-License-Identifier: BSD-3-Clause
 */var s3=globalThis,i4=class extends y{constructor(){super(...arguments),this.renderOptions={host:this},this._$Do=void 0}createRenderRoot(){let t3=super.createRenderRoot();return this.renderOptions.renderBefore??=t3.firstChild,t3}update(t3){let r4=this.render();this.hasUpdated||(this.renderOptions.isConnected=this.isConnected),super.update(t3),this._$Do=D(r4,this.renderRoot,this.renderOptions)}connectedCallback(){super.connectedCallback(),this._$Do?.setConnected(!0)}disconnectedCallback(){super.disconnectedCallback(),this._$Do?.setConnected(!1)}render(){return E}};i4._$litElement$=!0,i4.finalized=!0,s3.litElementHydrateSupport?.({LitElement:i4});var o4=s3.litElementPolyfillSupport;o4?.({LitElement:i4});(s3.litElementVersions??=[]).push("4.2.2");/**
 * @license
 * Copyright 2022 Google LLC
 * SPDX-License-Identifier: BSD-3-Clause
 */function isSame(one,other){return canonical(one)===canonical(other)}function canonical(draft){let sorted=value=>value===null||typeof value!="object"?value:Array.isArray(value)?value.map(sorted):Object.fromEntries(Object.entries(value).sort(([a3],[b3])=>a3<b3?-1:1).map(([key,item])=>[key,sorted(item)])),sets={tools:[...draft.tools].sort(),knowledge_bases:[...draft.knowledge_bases].sort()};return JSON.stringify(sorted({...draft,...sets}))}function readValue(declaration,typed){let trimmed=typed.trim();if(declaration.type==="text")return typed===""?void 0:typed;if(trimmed!=="")switch(declaration.type){case"integer":case"number":{let number=Number(trimmed);return Number.isFinite(number)?number:trimmed}case"boolean":return trimmed==="true";case"list":return typed.split(`
`).map(line=>line.trim()).filter(line=>line!=="");default:return trimmed}}function showValue(value){return value==null?"":Array.isArray(value)?value.join(`
`):typeof value=="string"?value:JSON.stringify(value)}function missingVariables(declarations,values){return declarations.filter(item=>item.required&&item.default===null&&values[item.name]===void 0).map(item=>item.name)}function knownValues(declarations,values){let names=new Set(declarations.map(item=>item.name));return Object.fromEntries(Object.entries(values).filter(([name])=>names.has(name)))}function withSetting(settings,name,typed){let rest=Object.fromEntries(Object.entries(settings).filter(([key])=>key!==name));if(typed.trim()==="")return rest;let number=Number(typed);return{...rest,[name]:Number.isFinite(number)?number:typed}}function choiceList(options,ids,change){let chosen=new Set(ids);return b2`<div class="ab-choices">
    ${options.map(option=>b2`<label class="ab-choice">
        <input
          type="checkbox"
          .checked=${chosen.has(option.id)}
          @change=${event=>{event.target.checked?chosen.add(option.id):chosen.delete(option.id),change(options.map(item=>item.id).filter(id=>chosen.has(id)))}}
        />
        <span class="ab-choice-text">
          <strong>${option.title}</strong>
          ${option.note?b2`<span class="ab-muted">${option.note}</span>`:A}
        </span>
        ${option.badge?b2`<span class="ab-tag">${option.badge}</span>`:A}
      </label>`)}
  </div>`}function variableField(declaration,values,change){let{name,type,constraints}=declaration,id=`ab-variable-${name}`,value=showValue(values[name]),isNeeded=declaration.required&&declaration.default===null,hint=declaration.default!==null?`Default: ${showValue(declaration.default)}`:declaration.example!==null?`For example ${showValue(declaration.example)}`:"",set=event=>change(readValue(declaration,event.target.value)),choices=type==="boolean"?["true","false"]:constraints.choices??[],field=type==="boolean"||type==="enum"?b2`<select id=${id} @change=${set}>
          <option value="" ?selected=${value===""}>${hint||"Not set"}</option>
          ${choices.map(choice=>b2`<option value=${choice} ?selected=${choice===value}>${choice}</option>`)}
        </select>`:type==="text"||type==="list"?b2`<textarea id=${id} rows="3" placeholder=${type==="list"?"One item per line":hint} .value=${value} @input=${set}></textarea>`:b2`<input
            id=${id}
            type=${type==="date"?"date":type==="string"?"text":"number"}
            step=${type==="integer"?"1":"any"}
            placeholder=${hint}
            .value=${value}
            @input=${set}
          />`;return b2`<div class="ab-field">
    <label for=${id}
      ><code>${name}</code>
      ${isNeeded?b2`<span class="ab-required" title="Needed">*</span>`:A}
      <span class="ab-tag">${type}</span></label
    >
    ${field}
    ${declaration.description?b2`<p class="ab-hint">${declaration.description}</p>`:A}
    ${missingVariables([declaration],values).length>0?b2`<p class="ab-hint ab-warn-text">Left open: every run must give this value.</p>`:A}
  </div>`}function publishDialog(version,publish){return b2`<dialog class="ab-dialog" aria-labelledby="ab-publish-title">
    <form method="dialog" @submit=${publish}>
      <h2 id="ab-publish-title">Publish version ${version+1}</h2>
      <p class="ab-muted">
        The version keeps template, tools, knowledge and model as they are now. It never changes;
        ${version?`v${version} stays for the runs that used it.`:"people can run it at once."}
      </p>
      <div class="ab-field">
        <label for="ab-change-note">What has changed?</label>
        <input id="ab-change-note" type="text" maxlength="300" placeholder="Optional note for the history" autofocus />
      </div>
      <div class="ab-dialog-actions">
        <button type="button" class="ab-button" @click=${event=>event.target.closest("dialog")?.close()}>
          Not yet
        </button>
        <button type="submit" class="ab-button ab-primary" data-testid="publish-confirm">Publish v${version+1}</button>
      </div>
    </form>
  </dialog>`}var Problem=class extends Error{constructor(status,code,detail,errors=[]){super(detail);this.status=status;this.code=code;this.errors=errors}};function csrfToken(){let field=document.querySelector("input[name=csrfmiddlewaretoken]"),cookie=document.cookie.split("; ").find(item=>item.startsWith("csrftoken="));return field?.value??cookie?.slice(10)??""}async function request(method,url,body){let response;try{response=await fetch(url,{method,credentials:"same-origin",headers:{Accept:"application/json",...body===void 0?{}:{"Content-Type":"application/json"},...method==="GET"?{}:{"X-CSRFToken":csrfToken()}},body:body===void 0?null:JSON.stringify(body)})}catch{throw new Problem(0,"connection.lost","The server does not answer. Check it and try again.")}let text=await response.text(),answer=null;try{answer=text===""?null:JSON.parse(text)}catch{answer=null}if(response.ok)return answer;let problem=answer??{};throw new Problem(response.status,problem.code??`http.${response.status}`,problem.detail??problem.title??`The server answered ${response.status}.`,problem.errors??[])}function pageData(id){let element=document.getElementById(id);if(!element?.textContent)throw new Error(`The page has no data named ${id}.`);return JSON.parse(element.textContent)}function fieldOf(error){return error.field??(error.pointer??"").split("/").find(part=>part!=="")??""}var LightElement=class extends i4{createRenderRoot(){return this}};function icon(name,label=""){return label?b2`<span class="material-symbols-outlined ab-icon" role="img" aria-label=${label}>${name}</span>`:b2`<span class="material-symbols-outlined ab-icon" aria-hidden="true">${name}</span>`}var PREVIEW_AFTER_MS=350,AgentBuilder=class extends LightElement{constructor(){super();this.version=0;this.draftIsNewer=!1;this.isSaving=!1;this.problem=null;this.notice="";this.preview=null;this.previewCount=0;this.leaving=event=>{this.isDirty&&event.preventDefault()};this.pressed=event=>{(event.ctrlKey||event.metaKey)&&event.key.toLowerCase()==="s"&&(event.preventDefault(),this.save())};this.pane="draft"}static{this.properties={pane:{type:String}}}connectedCallback(){super.connectedCallback(),this.page=pageData("builder-data"),this.saved=structuredClone(this.page.draft),this.draft=structuredClone(this.page.draft),this.version=this.page.version,this.draftIsNewer=this.page.draft_is_newer,window.addEventListener("beforeunload",this.leaving),window.addEventListener("keydown",this.pressed),this.askPreview(0)}disconnectedCallback(){super.disconnectedCallback(),window.removeEventListener("beforeunload",this.leaving),window.removeEventListener("keydown",this.pressed),clearTimeout(this.previewTimer)}get isDirty(){return!isSame(this.draft,this.saved)}get template(){return this.page.templates.find(option=>option.id===this.draft.instructions)}change(part){this.draft={...this.draft,...part},this.notice="",this.requestUpdate()}askPreview(delayMs=PREVIEW_AFTER_MS){clearTimeout(this.previewTimer);let{instructions,variables}=this.draft;this.previewCount+=1;let turn=this.previewCount;if(instructions===null){this.preview=null;return}this.previewTimer=setTimeout(()=>{request("POST",this.page.urls.preview,{instructions,variables}).catch(error=>({text:"",error:error.message})).then(preview=>{turn===this.previewCount&&(this.preview=preview,this.requestUpdate())}).catch(()=>{})},delayMs)}async save(){if(!this.page.can_edit||this.isSaving)return!1;this.isSaving=!0,this.problem=null,this.requestUpdate();let sent=structuredClone(this.draft);try{return await request("PATCH",this.page.urls.api,sent),this.draftIsNewer||=!isSame(sent,this.saved),this.saved=sent,this.notice="Draft saved",!0}catch(error){return this.problem=error,!1}finally{this.isSaving=!1,this.requestUpdate()}}openPublish(){this.querySelector("dialog")?.showModal()}async publish(event){event.preventDefault();let dialog=this.querySelector("dialog"),note=this.querySelector("#ab-change-note")?.value??"";if(dialog?.close(),!(this.isDirty&&!await this.save())){this.isSaving=!0,this.requestUpdate();try{let version=await request("POST",this.page.urls.publish,{change_note:note});this.version=version.number,this.draftIsNewer=!1,this.notice=`Version ${version.number} is published`}catch(error){this.problem=error}finally{this.isSaving=!1,this.requestUpdate()}}}updated(_changes){let chat=this.querySelector("agent-chat");chat&&(chat.version=this.version,chat.draftIsNewer=this.draftIsNewer||this.isDirty)}errorsOf(field){let errors=(this.problem?.errors??[]).filter(error=>fieldOf(error)===field);return errors.length===0?A:b2`<p class="ab-field-error" role="alert">${errors.map(error=>error.detail).join(" ")}</p>`}render(){return b2`
      <div class="ab-panes" role="tablist" aria-label="Builder">
        ${this.paneTab("draft","tune","Draft")} ${this.paneTab("chat","forum","Chat")}
      </div>
      <div class="ab-builder" data-pane=${this.pane}>
        <form
          class="ab-draft"
          @submit=${event=>{event.preventDefault(),this.save()}}
        >
          <div class="ab-savebar">${this.bar()} ${this.problemNotice()}</div>
          <fieldset class="ab-plain" ?disabled=${!this.page.can_edit}>
            ${this.instructions()} ${this.model()} ${this.tools()} ${this.knowledge()} ${this.behaviour()}
          </fieldset>
        </form>
        <div class="ab-chat-pane"><agent-chat></agent-chat></div>
      </div>
      ${publishDialog(this.version,event=>{this.publish(event)})}
    `}paneTab(pane,symbol,label){return b2`<button
      type="button"
      role="tab"
      aria-selected=${this.pane===pane}
      @click=${()=>{this.pane=pane}}
    >
      ${icon(symbol)}${label}
    </button>`}bar(){let state=this.isSaving?"Saving…":this.isDirty?"Unsaved changes":this.notice||(this.draftIsNewer&&this.version?"Draft is newer than the published version":"All changes saved");return b2`<div class="ab-savebar-line">
      <div class="ab-savebar-state">
        ${this.version?b2`<span class="ab-badge ab-accent" data-testid="published-version">v${this.version} published</span>`:b2`<span class="ab-badge ab-warn">Not published</span>`}
        <span class="ab-muted" role="status" data-testid="draft-state">${state}</span>
      </div>
      ${this.page.can_edit?b2`<button type="submit" class="ab-button" ?disabled=${!this.isDirty||this.isSaving} title="Ctrl+S">
              Save draft
            </button>
            <button
              type="button"
              class="ab-button ab-primary"
              data-testid="publish"
              ?disabled=${this.isSaving||!this.isDirty&&!this.draftIsNewer&&this.version>0}
              @click=${this.openPublish}
            >
              ${icon("rocket_launch")}Publish
            </button>`:b2`<span class="ab-badge ab-neutral">${icon("visibility")}View only</span>`}
    </div>`}problemNotice(){return this.problem?b2`<div class="ab-notice ab-bad" role="alert">
      ${icon("error")}
      <div>
        <strong>${this.problem.message}</strong>
        ${this.problem.errors.length>0?b2`<ul>
              ${this.problem.errors.map(error=>b2`<li>${fieldOf(error)}: ${error.detail}</li>`)}
            </ul>`:A}
        <code>${this.problem.code}</code>
      </div>
    </div>`:A}section(symbol,title,hint,body){return b2`<section class="ab-panel">
      <header class="ab-section-head">
        ${icon(symbol)}
        <div><h2>${title}</h2><p class="ab-muted">${hint}</p></div>
      </header>
      ${body}
    </section>`}instructions(){let{templates,urls}=this.page,chosen=this.template,groups=new Map;for(let option of templates)groups.set(option.title,[...groups.get(option.title)??[],option]);let newest=chosen&&templates.find(option=>option.template===chosen.template&&option.is_latest);return this.section("article","Instructions","A published template version; its rendering is the system prompt.",b2`
        <div class="ab-field">
          <label for="ab-instructions">Template version</label>
          <div class="ab-row">
            <select
              id="ab-instructions"
              @change=${event=>this.choose(event.target.value)}
            >
              <option value="" ?selected=${!chosen}>Choose a template…</option>
              ${[...groups].map(([title,options])=>b2`<optgroup label=${title}>
                  ${options.map(option=>b2`<option value=${option.id} ?selected=${option.id===this.draft.instructions}>
                      ${title} · v${option.number}${option.is_latest?" (newest)":""}
                    </option>`)}
                </optgroup>`)}
            </select>
            ${chosen?b2`<a class="ab-button" href=${urls.template.replace("__template__",chosen.template)}>Edit</a>`:b2`<a class="ab-button" href=${urls.new_template}>New</a>`}
          </div>
          ${this.errorsOf("instructions")}
          ${newest&&newest.id!==chosen?.id?b2`<p class="ab-hint">
                v${newest.number} of this template is newer.
                <button type="button" class="ab-link" @click=${()=>this.choose(newest.id)}>Use v${newest.number}</button>
              </p>`:A}
          ${templates.length===0?b2`<p class="ab-hint">No template is published yet. <a href=${urls.new_template}>Write the first one</a>.</p>`:A}
        </div>
        ${chosen&&chosen.variables.length>0?this.variables(chosen):A}
        ${chosen?this.rendering():A}
      `)}choose(id){let option=this.page.templates.find(item=>item.id===id);this.change({instructions:option?.id??null,variables:option?knownValues(option.variables,this.draft.variables):{}}),this.askPreview(0)}variables(template){return b2`<div class="ab-variables">
      <h3>Variables</h3>
      ${template.variables.map(declaration=>this.variable(declaration))}
      ${this.errorsOf("variables")}
    </div>`}variable(declaration){let{name}=declaration;return variableField(declaration,this.draft.variables,value=>{let rest=Object.fromEntries(Object.entries(this.draft.variables).filter(([key])=>key!==name));this.change({variables:value===void 0?rest:{...rest,[name]:value}}),this.askPreview()})}rendering(){let{preview}=this;return b2`<details class="ab-preview" open>
      <summary>${icon("visibility")}Rendered system prompt</summary>
      ${preview===null?b2`<p class="ab-muted">Rendering…</p>`:preview.error?b2`<p class="ab-field-error" role="status">${preview.error}</p>`:b2`<pre tabindex="0" data-testid="preview">${preview.text}</pre>`}
    </details>`}model(){let{providers}=this.page,chosen=providers.find(option=>option.id===this.draft.provider),setting=(name,label,hint,attributes)=>b2`<div class="ab-field">
        <label for="ab-${name}">${label}</label>
        <input
          id="ab-${name}"
          type="number"
          min=${attributes.min}
          max=${attributes.max}
          step=${attributes.step}
          placeholder=${hint}
          .value=${showValue(this.draft.model_settings[name])}
          @input=${event=>this.change({model_settings:withSetting(this.draft.model_settings,name,event.target.value)})}
        />
      </div>`;return this.section("memory","Model","Who answers, and how freely.",b2`<div class="ab-columns">
          <div class="ab-field">
            <label for="ab-provider">Provider</label>
            <select
              id="ab-provider"
              @change=${event=>this.change({provider:event.target.value||null})}
            >
              <option value="" ?selected=${!chosen}>Choose a provider…</option>
              ${providers.map(option=>b2`<option value=${option.id} ?selected=${option.id===this.draft.provider}>${option.title}</option>`)}
            </select>
            ${this.errorsOf("provider")}
          </div>
          <div class="ab-field">
            <label for="ab-model">Model</label>
            <input
              id="ab-model"
              type="text"
              maxlength="120"
              placeholder=${chosen?.default_model??"The provider's default"}
              .value=${this.draft.model}
              @input=${event=>this.change({model:event.target.value.trim()})}
            />
            ${this.errorsOf("model")}
          </div>
        </div>
        ${chosen?.is_demo?b2`<p class="ab-strip ab-warn">${icon("science")}<span>A tiny demonstration model: it shows how the product works, not what an agent can do.</span></p>`:A}
        <div class="ab-columns ab-three">
          ${setting("temperature","Temperature","Model's default",{min:"0",max:"2",step:"0.1"})}
          ${setting("top_p","Top p","Model's default",{min:"0",max:"1",step:"0.05"})}
          ${setting("max_output_tokens","Output tokens","Model's default",{min:"1",max:"1000000",step:"1"})}
        </div>
        <div class="ab-field">
          <label for="ab-effort">Reasoning effort</label>
          <select
            id="ab-effort"
            @change=${event=>this.change({model_settings:withSetting(this.draft.model_settings,"reasoning_effort",event.target.value)})}
          >
            ${["","none","minimal","low","medium","high","xhigh"].map(effort=>b2`<option value=${effort} ?selected=${effort===showValue(this.draft.model_settings.reasoning_effort)}>
                ${effort||"Model's default"}
              </option>`)}
          </select>
        </div>
        ${this.errorsOf("model_settings")}`)}choices(kind,options,empty){return options.length===0?b2`<p class="ab-hint">${empty}</p>`:b2`${choiceList(options,this.draft[kind],ids=>this.change(kind==="tools"?{tools:ids}:{knowledge_bases:ids}))}
    ${this.errorsOf(kind)}`}tools(){return this.section("build","Tools","What the agent may call. Published versions pin the definition of each.",this.choices("tools",this.page.tools,b2`No tools yet. <a href="/admin/tools_app/tool/add/">Create a tool</a>.`))}knowledge(){return this.section("menu_book","Knowledge","Documents that the agent searches, and cites.",this.choices("knowledge_bases",this.page.knowledge_bases,b2`No knowledge bases yet. <a href="/admin/knowledge_app/knowledgebase/add/">Create one</a>.`))}behaviour(){let tools=this.page.tools.filter(tool=>this.draft.tools.includes(tool.id)).map(tool=>tool.name),names=this.draft.knowledge_bases.length>0?[this.page.search_tool,...tools]:tools;this.draft.first_tool&&!names.includes(this.draft.first_tool)&&names.push(this.draft.first_tool);let number=(name,label,hint,min,max)=>b2`<div class="ab-field">
        <label for="ab-${name}">${label}</label>
        <input
          id="ab-${name}"
          type="number"
          min=${min}
          max=${max}
          .value=${String(this.draft[name])}
          @input=${event=>{let value=Number(event.target.value);this.change(name==="max_steps"?{max_steps:value}:{context_tokens:value})}}
        />
        <p class="ab-hint">${hint}</p>
        ${this.errorsOf(name)}
      </div>`;return this.section("route","Behaviour","How a run goes from the question to the answer.",b2`<div class="ab-field">
          <label for="ab-first-tool">First step</label>
          <select
            id="ab-first-tool"
            @change=${event=>this.change({first_tool:event.target.value})}
          >
            <option value="" ?selected=${this.draft.first_tool===""}>The model decides</option>
            ${names.map(name=>b2`<option value=${name} ?selected=${name===this.draft.first_tool}>Always call ${name}</option>`)}
          </select>
          ${this.errorsOf("first_tool")}
        </div>
        <div class="ab-columns">
          ${number("max_steps","Most steps","Model calls before the run is ended.",1,100)}
          ${number("context_tokens","Passages up front (tokens)","0 leaves searching to the model.",0,32e3)}
        </div>`)}};function duration(ms){if(ms===null||!Number.isFinite(ms))return"–";if(ms<1)return"<1 ms";if(ms<1e3)return`${Math.round(ms)} ms`;if(ms<6e4)return`${(ms/1e3).toFixed(ms<1e4?2:1)} s`;let seconds=Math.round(ms/1e3);return seconds<3600?`${Math.floor(seconds/60)} min ${seconds%60} s`:`${Math.floor(seconds/3600)} h ${Math.floor(seconds%3600/60)} min`}function count(value){return(value??0).toLocaleString("en")}function plural(value,one,many=`${one}s`){return`${count(value)} ${value===1?one:many}`}function clock(iso){return new Date(iso).toLocaleString(void 0,{dateStyle:"medium",timeStyle:"medium"})}function prettyJson(text){try{return JSON.stringify(JSON.parse(text),null,2)}catch{return text}}function oneLine(text,longest){let flat=text.replace(/\s+/g," ").trim();return flat.length>longest?`${flat.slice(0,longest-1)}…`:flat}var FENCE=/^ {0,3}(`{3,}|~{3,})\s*([\w+#.-]*)[^`]*$/,HEADING=/^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$/,RULE=/^ {0,3}([-*_])(?:\s*\1){2,}\s*$/,ITEM=/^( {0,3})(?:([-*+])|(\d{1,9})[.)])(\s+|$)(.*)$/,QUOTE=/^ {0,3}> ?(.*)$/,DIVIDER=/^ {0,3}\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;function parseMarkdown(text){return blocks(text.replace(/\r\n?/g,`
`).split(`
`),0)}function safeHref(href){let trimmed=href.trim();return/^(https?:\/\/|mailto:)[^\s<>"]+$/i.test(trimmed)?trimmed:null}function blocks(lines,depth){let found=[],at=0;for(;at<lines.length;){let line=lines[at]??"";if(line.trim()===""){at+=1;continue}let taken=fence(lines,at,found)||heading(line,found)||rule(line,found)||depth<8&&quote(lines,at,found,depth)||depth<8&&list(lines,at,found,depth)||table(lines,at,found)||paragraph(lines,at,found);at+=taken}return found}function fence(lines,at,found){let match=FENCE.exec(lines[at]??"");if(!match)return 0;let mark=match[1]??"```",body=[],next=at+1;for(;next<lines.length;){let line=lines[next]??"",isEnd=line.trim().startsWith(mark)&&line.trim().replaceAll(mark[0]??"`","")==="";if(next+=1,isEnd)break;body.push(line)}return found.push({kind:"code",language:match[2]??"",text:body.join(`
`)}),next-at}function heading(line,found){let match=HEADING.exec(line);return match?(found.push({kind:"heading",level:match[1]?.length??1,children:inline(match[2]??"")}),1):0}function rule(line,found){return RULE.test(line)?(found.push({kind:"rule"}),1):0}function quote(lines,at,found,depth){let body=[],next=at;for(;next<lines.length;){let match=QUOTE.exec(lines[next]??"");if(!match)break;body.push(match[1]??""),next+=1}return next===at?0:(found.push({kind:"quote",children:blocks(body,depth+1)}),next-at)}function list(lines,at,found,depth){let first=ITEM.exec(lines[at]??"");if(!first)return 0;let isOrdered=first[3]!==void 0,items=[],indent=0,next=at;for(;next<lines.length;){let line=lines[next]??"",match=ITEM.exec(line),isDeeper=line.startsWith(" ".repeat(Math.max(indent,2)))&&items.length>0;if(match&&!(isDeeper&&indent>0&&(match[1]?.length??0)>=indent)){if(match[3]!==void 0!==isOrdered)break;indent=line.length-(match[5]??"").length,items.push([match[5]??""])}else if(line.trim()===""){let after=lines[next+1]??"";if(!(after.startsWith("  ")||ITEM.test(after)))break;items.at(-1)?.push("")}else if(isDeeper)items.at(-1)?.push(line.slice(Math.min(indent,line.length-line.trimStart().length)));else if(!interrupts(line)&&(lines[next-1]??"").trim()!=="")items.at(-1)?.push(line);else break;next+=1}return found.push({kind:"list",isOrdered,start:Number(first[3]??1),items:items.map(item=>blocks(item,depth+1))}),next-at}function table(lines,at,found){let head=lines[at]??"",divider=lines[at+1]??"";if(!head.includes("|")||!divider.includes("-")||!DIVIDER.test(divider))return 0;let columns=cells(head);if(columns.length!==cells(divider).length)return 0;let rows=[],next=at+2;for(;next<lines.length&&(lines[next]??"").includes("|");){let row=cells(lines[next]??"");rows.push(columns.map((_2,column)=>inline(row[column]??""))),next+=1}return found.push({kind:"table",head:columns.map(cell=>inline(cell)),rows}),next-at}function cells(line){return line.trim().replace(/^\|/,"").replace(/\|$/,"").split(/(?<!\\)\|/).map(cell=>cell.trim().replaceAll("\\|","|"))}function interrupts(line){return FENCE.test(line)||HEADING.test(line)||RULE.test(line)||QUOTE.test(line)}function paragraph(lines,at,found){let body=[lines[at]??""],next=at+1;for(;next<lines.length;){let line=lines[next]??"";if(line.trim()===""||interrupts(line)||ITEM.test(line))break;body.push(line),next+=1}return found.push({kind:"paragraph",children:inline(body.join(`
`).trim())}),next-at}var MARKS=[[/^\\([\\`*_{}[\]()#+\-.!|~>])/,match=>[{kind:"text",text:match[1]??""}]],[/^(`+)(?!`)([\s\S]*?[^`])\1(?!`)/,match=>[{kind:"code",text:codeText(match[2]??"")}]],[/^!?\[([^\]\n]*)\]\(\s*([^)\s]+)(?:\s+"[^"]*")?\s*\)/,link],[/^\[(\d{1,2})\](?!\()/,match=>[{kind:"citation",number:Number(match[1])}]],[/^<((?:https?:\/\/|mailto:)[^\s<>]+)>/i,bareLink],[/^https?:\/\/[^\s<>"'`)\]]*[^\s<>"'`)\].,;:!?*_]/i,bareLink],[/^(\*\*|__)(?=\S)([\s\S]*?\S)\1/,(match,depth)=>[{kind:"strong",children:inline(match[2]??"",depth+1)}]],[/^(\*|_)(?=\S)((?:(?!\1)[\s\S])*?\S)\1(?!\w)/,(match,depth)=>[{kind:"emphasis",children:inline(match[2]??"",depth+1)}]],[/^~~(?=\S)([\s\S]*?\S)~~/,(match,depth)=>[{kind:"strike",children:inline(match[1]??"",depth+1)}]],[/^(?: {2,}|\\)\n/,()=>[{kind:"break"}]]],SPECIAL=/[\\`![<*_~]|https?:| {2,}\n/i;function codeText(text){return/^ .* $/s.test(text)&&text.trim()!==""?text.slice(1,-1):text}function link(match,depth){let href=safeHref(match[2]??""),label=match[1]||(match[2]??"");return href===null?[{kind:"text",text:label}]:[{kind:"link",href,children:inline(label,depth+1)}]}function bareLink(match){let address=match[1]??match[0],href=safeHref(address),text={kind:"text",text:address};return href===null?[text]:[{kind:"link",href,children:[text]}]}function inline(text,depth=0){let found=[],rest=text,before="",push=item=>{let last=found.at(-1);item.kind==="text"&&last?.kind==="text"?last.text+=item.text:found.push(item)};for(;rest!=="";){let skip=rest.search(SPECIAL),plain=skip===-1?rest.length:skip;if(plain>0){push({kind:"text",text:rest.slice(0,plain)}),before=rest[plain-1]??"",rest=rest.slice(plain);continue}let match=depth<8?firstMark(rest,before):null;if(match){for(let item of match.make(match.result,depth))push(item);before=match.result[0].at(-1)??"",rest=rest.slice(match.result[0].length)}else push({kind:"text",text:rest[0]??""}),before=rest[0]??"",rest=rest.slice(1)}return found}function firstMark(rest,before){let isInWord=/\w/.test(before);for(let[pattern,make]of MARKS){if(isInWord&&(rest.startsWith("_")||rest.startsWith("http")))continue;let result=pattern.exec(rest);if(result)return{result,make}}return null}function drawMarkdown(text,cite=()=>null){return parseMarkdown(text).map(block=>drawBlock(block,cite))}function drawBlock(block,cite){switch(block.kind){case"paragraph":return b2`<p>${drawInline(block.children,cite)}</p>`;case"heading":return block.level<=2?b2`<h3>${drawInline(block.children,cite)}</h3>`:b2`<h4>${drawInline(block.children,cite)}</h4>`;case"code":return b2`<pre tabindex="0"><code data-language=${block.language||A}>${block.text}</code></pre>`;case"quote":return b2`<blockquote>${block.children.map(child=>drawBlock(child,cite))}</blockquote>`;case"list":{let items=block.items.map(item=>b2`<li>${drawItem(item,cite)}</li>`);return block.isOrdered?b2`<ol start=${block.start}>${items}</ol>`:b2`<ul>${items}</ul>`}case"table":return b2`<div class="ab-table-scroll" tabindex="0"><table>
        <thead><tr>${block.head.map(cell=>b2`<th>${drawInline(cell,cite)}</th>`)}</tr></thead>
        <tbody>${block.rows.map(row=>b2`<tr>${row.map(cell=>b2`<td>${drawInline(cell,cite)}</td>`)}</tr>`)}</tbody>
      </table></div>`;case"rule":return b2`<hr />`}}function drawItem(item,cite){let[first,...rest]=item;return first?.kind!=="paragraph"?item.map(block=>drawBlock(block,cite)):[b2`${drawInline(first.children,cite)}`,...rest.map(block=>drawBlock(block,cite))]}function drawInline(items,cite){return items.map(item=>{switch(item.kind){case"text":return item.text;case"code":return b2`<code>${item.text}</code>`;case"strong":return b2`<strong>${drawInline(item.children,cite)}</strong>`;case"emphasis":return b2`<em>${drawInline(item.children,cite)}</em>`;case"strike":return b2`<del>${drawInline(item.children,cite)}</del>`;case"link":return b2`<a href=${item.href} target="_blank" rel="noopener noreferrer nofollow"
          >${drawInline(item.children,cite)}</a>`;case"citation":return cite(item.number)??`[${item.number}]`;case"break":return b2`<br />`}})}var STATUS={queued:{label:"Queued",tone:"neutral",icon:"schedule"},running:{label:"Running",tone:"live",icon:"progress_activity"},waiting:{label:"Waiting for a person",tone:"warn",icon:"front_hand"},completed:{label:"Completed",tone:"good",icon:"check_circle"},failed:{label:"Failed",tone:"bad",icon:"error"},cancelled:{label:"Cancelled",tone:"neutral",icon:"block"}};function statusBadge(run){let status=STATUS[run.status],isStopping=run.isCancelling&&!run.isOver;return b2`<span class="ab-badge ab-${isStopping?"warn":status.tone}"
    >${icon(status.icon)}${isStopping?"Stopping":status.label}</span
  >`}var EFFECTS={read:"reads only",idempotent:"safe to repeat",write:"writes",irreversible:"cannot be undone"};function documentUrl(source){let{document_id,start,end}=source.passage;return`/admin/knowledge_app/document/${encodeURIComponent(document_id)}/change/?start=${start}&end=${end}#passage`}function sourceName(source){let{title,heading:heading2}=source.passage,nearest=heading2.split(" › ").at(-1)??"";return nearest&&nearest!==title?`${title} › ${nearest}`:title}function citation(run,step,number){let source=run.sourceOf(step,number);return source?b2`<a
    class="ab-cite"
    href=${documentUrl(source)}
    target="_blank"
    rel="noopener"
    title=${sourceName(source)}
    aria-label="Source ${source.number}: ${sourceName(source)}"
    >${source.number}</a
  >`:null}function sourceList(run){return run.sources.length===0?A:b2`<section class="ab-sources" aria-label="Sources">
    <h4>Sources</h4>
    <ul>
      ${run.sources.map(source=>b2`<li>
          <a
            class="ab-source"
            data-testid="citation"
            href=${documentUrl(source)}
            target="_blank"
            rel="noopener"
            title=${oneLine(source.passage.text,300)}
          >
            <span class="ab-cite" aria-hidden="true">${source.number}</span>
            <span class="ab-source-name">${sourceName(source)}</span>
          </a>
        </li>`)}
    </ul>
  </section>`}function callCard(call,isOpen=!1){let state=call.result?call.result.is_error?"bad":"good":"live",symbol={bad:"error",good:"check_circle",live:"progress_activity"}[state],passages=call.result?.passages??[],summary2=call.result?call.result.is_error?oneLine(call.result.content,90):passages.length>0?`${passages.length} ${passages.length===1?"passage":"passages"}`:oneLine(call.result.content,90):"running…";return b2`<details class="ab-call ab-${state}" data-testid="tool-call" ?open=${isOpen}>
    <summary>
      ${icon(symbol)}
      <span class="ab-call-name">${call.name}</span>
      <span class="ab-call-summary">${summary2}</span>
      ${call.durationMs===null?A:b2`<span class="ab-call-time">${duration(call.durationMs)}</span>`}
      ${icon("expand_more")}
    </summary>
    <div class="ab-call-body">
      <div class="ab-call-label">
        <span>Arguments</span>
        ${call.effect?b2`<span class="ab-tag">${EFFECTS[call.effect]??call.effect}</span>`:A}
      </div>
      <pre tabindex="0">${prettyJson(call.arguments)||"{}"}</pre>
      ${call.result?b2`<div class="ab-call-label">
              <span>${call.result.is_error?"Error":"Result"}</span>
              <span class="ab-muted">${duration(call.durationMs)}</span>
            </div>
            <pre tabindex="0">${prettyJson(call.result.content)||"(empty)"}</pre>`:A}
    </div>
  </details>`}function stepText(run,step){return step.text===""&&step.reasoning===""?A:b2`
    ${step.reasoning?b2`<details class="ab-reasoning">
          <summary>${icon("psychology")}Reasoning</summary>
          <div class="ab-prose">${drawMarkdown(step.reasoning)}</div>
        </details>`:A}
    ${step.text?b2`<div class="ab-prose ${step.isComplete?"":"ab-streaming"}">
          ${drawMarkdown(step.text,number=>citation(run,step,number))}
        </div>`:A}
    ${step.isPartial?b2`<p class="ab-muted">${icon("block")} Stopped here.</p>`:A}
  `}function tokens(usage){return usage?`${count(usage.input_tokens)} in · ${count(usage.output_tokens)} out`:"–"}function failure(run){if(!run.error)return A;let faults={caller:"The request cannot be carried out",model:"The model answered in a way that cannot be used",provider:"The model's server failed",ours:"Something went wrong inside Agent Builder"};return b2`<div class="ab-notice ab-bad" role="alert">
    ${icon("error")}
    <div>
      <strong>${faults[run.error.fault]??"The run failed"}</strong>
      <p>${run.error.detail}</p>
      <code>${run.error.code}</code>
    </div>
  </div>`}function codePoints(text){let count2=0;for(let _2 of text)count2+=1;return count2}function withoutFirst(text,count2){return count2<=0?text:Array.from(text).slice(count2).join("")}var RunState=class _RunState{constructor(id){this.id=id;this.status="queued";this.input="";this.agent="";this.version=0;this.model="";this.seq=0;this.offset=0;this.attempt=0;this.queuedAt=null;this.startedAt=null;this.finishedAt=null;this.isCancelling=!1;this.output="";this.error=null;this.waiting=null;this.usage=null;this.found=[];this.steps=[];this.sources=[];this.events=[]}static from(snapshot){let run=new _RunState(snapshot.id);run.input=snapshot.input,run.agent=snapshot.agent,run.version=snapshot.version,run.model=snapshot.model,run.isCancelling=snapshot.cancel_requested_at!==null;for(let event of snapshot.events)run.apply(event);return run.seq===0&&(run.status=snapshot.status),run}get isOver(){return this.status==="completed"||this.status==="failed"||this.status==="cancelled"}get durationMs(){let from=this.startedAt??this.queuedAt;return from!==null&&this.finishedAt!==null?this.finishedAt-from:null}apply(frame){return frame.type==="message.delta"?this.applyDelta(frame):this.applyEvent(frame)}applyDelta(frame){if(frame.seq>this.seq)return"gap";let step=this.step(frame.step);return step.isComplete||frame.attempt<step.attempt||frame.seq<this.seq?"duplicate":(frame.attempt>step.attempt&&this.discard(step,frame.attempt),frame.offset>step.length?"gap":frame.end<=step.length?"duplicate":(step.textAt===null&&(step.textAt=Date.now()),step.text+=withoutFirst(frame.text,step.length-frame.offset),step.length=frame.end,this.offset=frame.end,"applied"))}applyEvent(frame){return frame.seq<=this.seq?"duplicate":frame.seq>this.seq+1?"gap":(this.seq=frame.seq,this.offset=0,this.attempt=Math.max(this.attempt,frame.attempt),this.events.push(frame),this.reduce(frame,Date.parse(frame.at)),"applied")}reduce(frame,at){switch(frame.type){case"run.queued":this.queuedAt=at,this.input=frame.data.input??this.input,this.agent=frame.data.agent,this.version=frame.data.version;break;case"run.started":this.status="running",this.startedAt=at,this.model=frame.data.model;break;case"step.started":{this.status="running",this.waiting=null;let step=this.step(frame.data.step);step.startedAt=at,step.attempt=frame.attempt,step.found=this.found;break}case"step.restarted":{let step=this.step(frame.data.step);step.restarts+=1,this.discard(step,frame.attempt);break}case"context.retrieved":this.cite(frame.data.passages);break;case"message.completed":{let step=this.step(frame.data.step),message=frame.data.message;step.text=message?.text??step.text,step.length=codePoints(step.text),step.reasoning=message?.reasoning??"",step.isComplete=!0,step.isShortened=frame.data.is_truncated===!0,step.messageAt=at,step.usage=frame.data.usage;break}case"tool.called":{let{call_id,name,arguments:args,effect}=frame.data,call=this.call(this.step(frame.data.step),call_id,name);call.arguments=args??"",call.effect=effect,call.calledAt??=at;break}case"tool.completed":{let result=frame.data.result,call=this.call(this.step(frame.data.step),result.call_id,result.name);call.result=result,call.durationMs=frame.data.duration_ms,call.completedAt=at,this.cite(result.passages);break}case"step.completed":break;case"run.waiting":this.status="waiting",this.waiting={reason:frame.data.reason,detail:frame.data.detail};break;case"run.completed":this.output=frame.data.output??"",this.end("completed",at,frame.data.usage);break;case"run.failed":this.error={code:frame.data.code,detail:frame.data.detail,fault:frame.data.fault},this.end("failed",at,frame.data.usage);break;case"run.cancelled":{let message=frame.data.message;if(message){let step=this.step(frame.data.step);step.text=message.text,step.length=codePoints(step.text),step.isComplete=!0,step.isPartial=!0}this.end("cancelled",at,frame.data.usage);break}}}end(status,at,usage){this.status=status,this.finishedAt=at,this.usage=usage,this.isCancelling=!1,this.waiting=null}discard(step,attempt){step.attempt=attempt,step.text="",step.length=0,step.textAt=null,this.offset=0}step(number){let found=this.steps.find(step2=>step2.number===number);if(found)return found;let step={number,attempt:0,startedAt:null,textAt:null,messageAt:null,text:"",length:0,reasoning:"",isComplete:!1,isPartial:!1,isShortened:!1,restarts:0,calls:[],usage:null,found:this.found};return this.steps.push(step),step}call(step,id,name){let found=step.calls.find(call2=>call2.id===id);if(found)return found;let call={id,name,arguments:"",effect:"",calledAt:null,completedAt:null,durationMs:null,result:null};return step.calls.push(call),call}sourceOf(step,number){let chunk=step.found[number-1]?.chunk_id;return this.sources.find(source=>source.passage.chunk_id===chunk)}cite(passages){if(!(!passages||passages.length===0)){this.found=passages;for(let passage of passages)this.sources.some(source=>source.passage.chunk_id===passage.chunk_id)||this.sources.push({number:this.sources.length+1,passage})}}};var EVENT_TYPES=new Set(["run.queued","run.started","step.started","step.restarted","context.retrieved","message.completed","tool.called","tool.completed","step.completed","run.waiting","run.completed","run.failed","run.cancelled"]);function isEvent(frame){return EVENT_TYPES.has(frame.type)||"seq"in frame&&"data"in frame}var Refused=class extends Error{constructor(code,detail,errors=[]){super(detail);this.code=code;this.errors=errors}},REFUSALS={4401:"You are signed out. Sign in again to go on.",4403:"This address may not open live connections. Add it to CSRF_TRUSTED_ORIGINS.",4404:"This conversation does not exist, or it belongs to somebody else."},TOO_MANY_FRAMES=4429,SLOW_READER=4408,FIRST_RETRY_MS=400,LONGEST_RETRY_MS=15e3,PING_EVERY_MS=25e3,PONG_WITHIN_MS=1e4,SocketStore=class{constructor(target,environment){this.target=target;this.environment=environment;this.connection="idle";this.refusal="";this.lostAt=null;this.runs=new Map;this.socket=null;this.starts=new Map;this.asked=new Map;this.listeners=new Set;this.failures=0;this.forgetRetry=()=>{};this.forgetPing=()=>{}}subscribe(listener){return this.listeners.add(listener),()=>this.listeners.delete(listener)}connect(){if(this.socket||this.connection==="refused")return;this.forgetRetry();let socket=this.environment.open(this.path());this.socket=socket,this.connection="connecting",socket.onopen=()=>this.opened(socket),socket.onmessage=event=>this.received(socket,event.data),socket.onclose=event=>this.closed(socket,event.code),socket.onerror=null,this.changed()}disconnect(){this.forgetRetry(),this.forgetPing();let socket=this.socket;this.socket=null,this.connection="idle",socket?.close(1e3)}retryNow(){this.connection==="waiting"&&this.connect()}adopt(run){this.runs.set(run.id,run),this.connection==="open"&&!run.isOver&&this.follow(run)}start(options){let id=this.environment.id(),frame={type:"run.start",id,idempotency_key:id,...options};return this.target.kind==="session"&&this.target.id&&(frame.session=this.target.id),new Promise((resolve,reject)=>{this.starts.set(id,{frame,resolve,reject}),this.connection==="open"?this.send(frame):this.connect()})}cancel(run){run.isCancelling=!0,this.connection==="open"&&this.send({type:"run.cancel",id:this.environment.id(),run:run.id}),this.changed()}path(){let{target}=this;if(target.kind==="run"){let run=this.runs.get(target.id);return`/ws/runs/${target.id}/?last_seq=${run?.seq??0}&offset=${run?.offset??0}`}return target.id?`/ws/sessions/${target.id}/`:`/ws/sessions/new/?workspace=${encodeURIComponent(target.workspace)}`}opened(socket){if(socket===this.socket){this.connection="open",this.asked.clear();for(let run of this.runs.values())run.isOver||(this.target.kind==="session"&&this.follow(run),run.isCancelling&&this.send({type:"run.cancel",id:this.environment.id(),run:run.id}));for(let{frame}of this.starts.values())this.send(frame);this.schedulePing(),this.changed()}}received(socket,data){if(socket!==this.socket||typeof data!="string")return;this.failures=0,this.schedulePing();let frame=JSON.parse(data);if(frame.type==="run.accepted")this.accepted(frame);else if(frame.type==="error")this.refused(frame);else if(frame.type==="message.delta"||isEvent(frame)){let run=this.known(frame.run),outcome=run.apply(frame);if(outcome==="applied"&&this.asked.delete(run.id),outcome==="gap"&&this.follow(run),outcome==="duplicate")return}else if(frame.type==="run.cancelling")this.known(frame.run).isCancelling=!0;else return;this.changed()}accepted(frame){this.target.kind==="session"&&(this.target.id=frame.session),this.known(frame.run);let pending=frame.id?this.starts.get(frame.id):void 0;!pending||!frame.id||(this.starts.delete(frame.id),pending.resolve(frame))}refused(frame){let pending=frame.id?this.starts.get(frame.id):void 0;!pending||!frame.id||(this.starts.delete(frame.id),pending.reject(new Refused(frame.code,frame.detail,frame.errors)))}closed(socket,code){if(socket!==this.socket)return;this.socket=null,this.forgetPing(),this.lostAt=Date.now();let refusal=REFUSALS[code];if(refusal){this.connection="refused",this.refusal=refusal;for(let{reject}of this.starts.values())reject(new Refused("connection.refused",refusal));this.starts.clear(),this.changed();return}let isDone=[...this.runs.values()].every(run=>run.isOver)&&this.starts.size===0;if(this.target.kind==="run"&&isDone&&this.runs.size>0){this.connection="idle",this.changed();return}this.connection="waiting",this.forgetRetry=this.environment.after(this.retryDelay(code),()=>this.connect()),this.failures+=1,this.changed()}retryDelay(code){return code===SLOW_READER&&this.failures===0?0:Math.min(LONGEST_RETRY_MS,(code===TOO_MANY_FRAMES?5e3:FIRST_RETRY_MS)*2**this.failures)*(.5+this.environment.random()/2)}follow(run){let cursor=`${run.seq}:${run.offset}`;this.asked.get(run.id)!==cursor&&(this.asked.set(run.id,cursor),this.send({type:"run.follow",run:run.id,last_seq:run.seq,offset:run.offset}))}known(id){let run=this.runs.get(id);return run||(run=new RunState(id),this.runs.set(id,run)),run}schedulePing(){this.forgetPing(),this.forgetPing=this.environment.after(PING_EVERY_MS,()=>{this.send({type:"ping",id:this.environment.id()}),this.forgetPing=this.environment.after(PONG_WITHIN_MS,()=>{let socket=this.socket;socket&&(this.closed(socket,1006),socket.close())})})}send(frame){this.socket?.readyState===1&&this.socket.send(JSON.stringify(frame))}changed(){for(let listener of this.listeners)listener()}};function browserEnvironment(){return{open:path=>{let scheme=location.protocol==="https:"?"wss:":"ws:";return new WebSocket(`${scheme}//${location.host}${path}`)},after:(delayMs,callback)=>{let timer=setTimeout(callback,delayMs);return()=>clearTimeout(timer)},random:Math.random,id:()=>Array.from(crypto.getRandomValues(new Uint8Array(16)),byte=>byte.toString(16).padStart(2,"0")).join("")}}var NEAR_END_PX=80,AgentChat=class extends LightElement{constructor(){super();this.turns=[];this.isAtEnd=!0;this.frame=0;this.announced="";this.stopListening=()=>{};this.cameBack=()=>this.sockets.retryNow();this.source="chat-config",this.version=0,this.draftIsNewer=!1}static{this.properties={source:{type:String},version:{type:Number},draftIsNewer:{type:Boolean,attribute:"draft-is-newer"}}}connectedCallback(){super.connectedCallback(),this.config=pageData(this.source),this.version||=this.config.version,this.begin(this.config.session,this.config.runs),window.addEventListener("online",this.cameBack)}disconnectedCallback(){super.disconnectedCallback(),window.removeEventListener("online",this.cameBack),this.stopListening(),this.sockets.disconnect()}begin(session,snapshots){this.stopListening(),this.sockets?.disconnect(),this.sockets=new SocketStore({kind:"session",id:session,workspace:this.config.workspace},browserEnvironment()),this.turns=snapshots.map(snapshot=>{let run=RunState.from(snapshot);return this.sockets.adopt(run),{input:snapshot.input,run,refusal:null}}),this.stopListening=this.sockets.subscribe(()=>this.schedule()),this.isAtEnd=!0,session&&this.sockets.connect()}schedule(){this.frame||(this.frame=requestAnimationFrame(()=>{this.frame=0,this.announce(),this.requestUpdate()}))}announce(){let run=this.turns.at(-1)?.run;run?.isOver?run.status==="completed"?this.announced=run.output:this.announced=run.error?.detail??"The run was stopped.":this.announced=run?`${this.config.title} is answering`:""}get running(){let run=this.turns.at(-1)?.run;return run&&!run.isOver?run:null}get isBusy(){let turn=this.turns.at(-1);return turn!==void 0&&turn.refusal===null&&(turn.run===null||!turn.run.isOver)}async send(){let field=this.querySelector("textarea"),input=field?.value.trim()??"";if(!field||input===""||this.isBusy||this.version===0)return;field.value="",this.fit(field);let turn={input,run:null,refusal:null};this.turns.push(turn),this.isAtEnd=!0,this.requestUpdate();let sockets=this.sockets;try{let accepted=await sockets.start({agent:this.config.agent,input,variables:{},purpose:this.config.purpose});turn.run=sockets.runs.get(accepted.run)??null;let address=new URL(location.href);address.searchParams.set("session",accepted.session),history.replaceState(null,"",address)}catch(error){if(!(error instanceof Refused))throw error;turn.refusal=error,field.value===""&&(field.value=input)}this.requestUpdate()}stop(){this.running&&this.sockets.cancel(this.running)}renew(){let address=new URL(location.href);address.searchParams.delete("session"),history.replaceState(null,"",address),this.begin(null,[]),this.requestUpdate(),this.querySelector("textarea")?.focus()}pressed(event){event.isComposing||(event.key==="Enter"&&!event.shiftKey?(event.preventDefault(),this.send()):event.key==="Escape"&&this.running&&(event.preventDefault(),this.stop()))}fit(field){field.style.height="auto",field.style.height=`${Math.min(field.scrollHeight,200)}px`}scrolled(event){let log=event.currentTarget;this.isAtEnd=log.scrollHeight-log.scrollTop-log.clientHeight<NEAR_END_PX}updated(_changes){let log=this.querySelector(".ab-log");log&&this.isAtEnd&&(log.scrollTop=log.scrollHeight)}render(){return b2`
      ${this.header()} ${this.notices()}
      <div
        class="ab-log"
        role="log"
        aria-label="Conversation"
        aria-live="off"
        aria-busy=${this.isBusy}
        tabindex="0"
        @scroll=${this.scrolled}
      >
        ${this.turns.length===0?this.emptyState():this.turns.map(turn=>this.turn(turn))}
      </div>
      <p class="ab-visually-hidden" aria-live="polite">${this.announced}</p>
      ${this.composer()}
    `}header(){return b2`<header class="ab-chat-head">
      <span class="ab-avatar" aria-hidden="true">${icon("smart_toy")}</span>
      <div class="ab-chat-title">
        <strong>${this.config.title}</strong>
        <span class="ab-muted">${this.config.reference}</span>
      </div>
      ${this.version?b2`<span class="ab-badge ab-accent" title="The chat talks to the newest published version"
            >v${this.version}</span
          >`:b2`<span class="ab-badge ab-warn">Not published</span>`}
      ${this.connectionState()}
      <button
        type="button"
        class="ab-icon-button"
        title="New conversation"
        aria-label="New conversation"
        ?disabled=${this.turns.length===0}
        @click=${this.renew}
      >
        ${icon("edit_square")}
      </button>
    </header>`}connectionState(){let{connection}=this.sockets,cursor=this.running?` · resumes at ${this.running.seq}:${this.running.offset}`:"";switch(connection){case"open":return b2`<span class="ab-dot ab-good" role="img" aria-label="Connected" title="Connected${cursor}"></span>`;case"waiting":case"connecting":return this.sockets.lostAt===null?A:b2`<span class="ab-connection" role="status" title="Nothing is lost: the text goes on where it stopped${cursor}"
              ><span class="ab-dot ab-warn"></span>Reconnecting…</span
            >`;case"refused":return b2`<span class="ab-connection"><span class="ab-dot ab-bad"></span>Offline</span>`;case"idle":return A}}notices(){return b2`
      ${this.config.is_demo?b2`<p class="ab-strip ab-warn" data-testid="demo-notice">
            ${icon("science")}<span
              ><strong>Tiny demonstration model.</strong> It shows how the product works; connect a
              real model for useful answers.</span
            >
          </p>`:A}
      ${this.draftIsNewer&&this.version?b2`<p class="ab-strip ab-info">
            ${icon("difference")}<span
              >The draft has changes that are not in <strong>v${this.version}</strong>. Publish to
              try them here.</span
            >
          </p>`:A}
      ${this.sockets.connection==="refused"?b2`<p class="ab-strip ab-bad" role="alert">
            ${icon("cloud_off")}<span>${this.sockets.refusal}</span>
            <button type="button" class="ab-link" @click=${()=>location.reload()}>Reload</button>
          </p>`:A}
    `}emptyState(){return b2`<div class="ab-empty">
      <span class="ab-avatar ab-large" aria-hidden="true">${icon("smart_toy")}</span>
      <h3>${this.version?`Talk to ${this.config.title}`:"Nothing published yet"}</h3>
      <p>
        ${this.version?this.config.description||"Ask a question to see steps, tool calls and sources as they happen.":"Publish the draft to talk to it. Every published version stays as it was."}
      </p>
    </div>`}turn(turn){return b2`<article class="ab-turn">
      <div class="ab-said" data-testid="user-message"><p>${turn.input}</p></div>
      <div class="ab-answer" data-testid="answer" data-status=${turn.run?.status??"sending"}>
        ${turn.refusal?this.refusalOf(turn.refusal):turn.run?this.answer(turn.run):this.thinking("Sending")}
      </div>
    </article>`}refusalOf(refusal){return b2`<div class="ab-notice ab-bad" role="alert">
      ${icon("error")}
      <div>
        <strong>This was not sent</strong>
        <p>${refusal.message}</p>
        ${refusal.errors.map(error=>b2`<p>${error.field??error.pointer}: ${error.detail}</p>`)}
        <code>${refusal.code}</code>
      </div>
    </div>`}answer(run){let last=run.steps.at(-1),isThinking=!run.isOver&&(!last||last.text===""&&last.calls.length===0||last.calls.length>0&&last.calls.every(call=>call.result!==null));return b2`
      ${run.steps.map(step=>b2`${stepText(run,step)}
          ${step.restarts&&!step.isComplete?b2`<p class="ab-muted">${icon("sync")} Started again after an interruption.</p>`:A}
          ${step.calls.map(call=>callCard(call))}`)}
      ${isThinking?this.thinking(run.status==="queued"?"Waiting for a worker":"Thinking"):A}
      ${run.waiting?b2`<div class="ab-notice ab-warn">${icon("front_hand")}<div><strong>Waiting for a person</strong><p>${run.waiting.detail}</p></div></div>`:A}
      ${failure(run)}
      ${run.isOver?sourceList(run):A}
      ${run.isOver?this.runFooter(run):A}
    `}thinking(label){return b2`<p class="ab-thinking"><span></span><span></span><span></span><em>${label}</em></p>`}runFooter(run){let address=this.config.run_url.replace("__run__",run.id);return b2`<footer class="ab-run-foot">
      ${run.status==="cancelled"?b2`<span>Stopped</span>`:A}
      <span>${duration(run.durationMs)}</span>
      <span>${tokens(run.usage)}</span>
      <a href=${address} data-testid="run-link">View run</a>
    </footer>`}composer(){let isBusy=this.isBusy,isOff=this.version===0||this.sockets.connection==="refused";return b2`<form
      class="ab-composer"
      @submit=${event=>{event.preventDefault(),this.send()}}
    >
      <label class="ab-visually-hidden" for="ab-input-${this.source}">Message</label>
      <textarea
        id="ab-input-${this.source}"
        rows="1"
        maxlength="200000"
        placeholder=${isOff?"Publish a version first":`Message ${this.config.title}…`}
        ?disabled=${isOff}
        @keydown=${this.pressed}
        @input=${event=>this.fit(event.currentTarget)}
      ></textarea>
      ${isBusy?b2`<button
            type="button"
            class="ab-send ab-stop"
            aria-label="Stop the answer"
            title="Stop (Esc)"
            ?disabled=${!this.running||this.running.isCancelling}
            @click=${this.stop}
          >
            ${icon("stop")}
          </button>`:b2`<button type="submit" class="ab-send" aria-label="Send" title="Send (Enter)" ?disabled=${isOff}>
            ${icon("arrow_upward")}
          </button>`}
    </form>`}};function waterfall(run,now){let origin=run.queuedAt??run.startedAt??now,bars=[],until=run.finishedAt??Math.max(now,origin),add=(kind,label,from,to,more={})=>{from!==null&&bars.push({kind,label,detail:"",step:0,from:Math.max(0,from-origin),to:Math.max(0,(to??until)-origin),isOpen:to===null&&run.finishedAt===null,isError:to===null&&run.status==="failed",call:null,...more})};add("queue","Waiting for a worker",run.queuedAt,run.startedAt);for(let event of run.events)if(event.type==="context.retrieved"){let found=event.data.passages?.length??0;add("context","Passages",run.startedAt,Date.parse(event.at),{detail:`${found} found`})}for(let step of run.steps){add("model","Model",step.startedAt,step.messageAt,{step:step.number,detail:step.restarts?`${run.model} · restarted`:run.model});for(let call of step.calls){let ended=call.completedAt??(call.calledAt!==null&&call.durationMs!==null?call.calledAt+call.durationMs:null);add("tool",call.name,call.calledAt??ended,ended,{step:step.number,detail:call.effect,isError:call.result?.is_error??!1,call})}}return waits(run,add),bars.sort((a3,b3)=>a3.from-b3.from||a3.to-b3.to),{bars,totalMs:Math.max(1,until-origin)}}function waits(run,add){run.events.forEach((event,index)=>{if(event.type!=="run.waiting")return;let next=run.events[index+1];add("waiting","Waiting for a person",Date.parse(event.at),next?Date.parse(next.at):null)})}function ticks(totalMs){let raw=totalMs/5,power=10**Math.floor(Math.log10(raw)),size=[1,2,5,10].map(factor=>factor*power).find(step=>step>=raw)??raw,marks=[];for(let mark=0;mark<=totalMs;mark+=size)marks.push(mark);return marks}function summary(event){switch(event.type){case"run.queued":return`${event.data.agent} v${event.data.version}`;case"run.started":return event.data.model;case"step.started":return`step ${event.data.step}`;case"step.restarted":return`step ${event.data.step}: ${event.data.reason}`;case"context.retrieved":return`${event.data.passages?.length??0} passages`;case"message.completed":{let message=event.data.message,calls=message?.calls?.length??0;return message?.text||(calls?`asks for ${calls} tool ${calls===1?"call":"calls"}`:"")}case"tool.called":return`${event.data.name} ${event.data.arguments??""}`;case"tool.completed":return`${event.data.result.name}: ${event.data.result.content??""}`;case"step.completed":return`step ${event.data.step}, ${event.data.next==="final"?"the last one":"goes on"}`;case"run.waiting":return event.data.detail;case"run.completed":return event.data.output??"";case"run.failed":return`${event.data.code}: ${event.data.detail}`;case"run.cancelled":return"";default:return""}}var LIVE_EVERY_MS=200,RunTimeline=class extends LightElement{constructor(){super(...arguments);this.frame=0;this.stopListening=()=>{}}connectedCallback(){super.connectedCallback(),this.page=pageData("run-data"),this.run=RunState.from(this.page),this.sockets=new SocketStore({kind:"run",id:this.run.id},browserEnvironment()),this.sockets.adopt(this.run),this.stopListening=this.sockets.subscribe(()=>{this.frame||=requestAnimationFrame(()=>{this.frame=0,this.requestUpdate()})}),!this.run.isOver&&(this.sockets.connect(),this.clock=setInterval(()=>{this.run.isOver&&clearInterval(this.clock),this.requestUpdate()},LIVE_EVERY_MS))}disconnectedCallback(){super.disconnectedCallback(),clearInterval(this.clock),this.stopListening(),this.sockets.disconnect()}render(){let{run}=this;return b2`
      ${this.header()} ${failure(run)}
      ${this.sockets.connection==="refused"?b2`<div class="ab-notice ab-bad" role="alert">${icon("cloud_off")}<p>${this.sockets.refusal}</p></div>`:A}
      <div class="ab-run-grid">
        <section class="ab-panel" aria-labelledby="ab-talk">
          <h2 id="ab-talk">Conversation</h2>
          <div class="ab-said"><p>${this.page.input||run.input}</p></div>
          <div class="ab-answer">${this.answer()}</div>
        </section>
        <div class="ab-run-side">
          <section class="ab-panel" aria-labelledby="ab-time">
            <h2 id="ab-time">Where the time went</h2>
            ${this.chart()}
          </section>
          <section class="ab-panel ab-flush" aria-labelledby="ab-events">
            <h2 id="ab-events">Events <span class="ab-muted">${run.events.length}</span></h2>
            ${this.events()}
          </section>
        </div>
      </div>
    `}header(){let{page,run}=this,fact=(label,value)=>b2`<div><dt>${label}</dt><dd>${value}</dd></div>`,isLive=!run.isOver,elapsed=isLive&&run.startedAt!==null?Date.now()-run.startedAt:run.durationMs;return b2`<section class="ab-panel ab-run-head">
      <div class="ab-run-line">
        ${statusBadge(run)}
        ${isLive&&this.sockets.connection==="waiting"?b2`<span class="ab-connection" role="status"
              ><span class="ab-dot ab-warn"></span>Reconnecting from ${run.seq}:${run.offset}…</span
            >`:A}
        <span class="ab-grow"></span>
        ${isLive?b2`<button
              type="button"
              class="ab-button ab-danger"
              ?disabled=${run.isCancelling}
              @click=${()=>this.sockets.cancel(run)}
            >
              ${icon("stop_circle")}${run.isCancelling?"Stopping…":"Cancel run"}
            </button>`:b2`<a class="ab-button" href=${page.urls.chat}>${icon("forum")}Go on talking</a>`}
      </div>
      <dl class="ab-facts">
        ${fact("Agent",b2`<a href=${page.urls.agent}>${page.agent_title}</a> <span class="ab-badge ab-accent">v${page.version}</span>`)}
        ${fact("Model",b2`${run.model||page.model}${page.is_demo?b2` <span class="ab-badge ab-warn">demo</span>`:A}`)}
        ${fact("Duration",duration(elapsed))}
        ${fact("Tokens",tokens(run.usage))}
        ${fact("Steps",`${run.steps.length}`)}
        ${fact("User",page.user)}
        ${fact("Session",b2`<a href=${page.urls.session}>${page.session.slice(-12)}</a>`)}
        ${fact("Purpose",page.purpose)}
        ${fact("Accepted",clock(page.created_at))}
        ${run.attempt>1?fact("Attempts",`${run.attempt}`):A}
      </dl>
    </section>`}answer(){let{run}=this;if(run.steps.length===0&&!run.isOver)return b2`<p class="ab-thinking"><span></span><span></span><span></span><em>${run.status==="queued"?"Waiting for a worker":"Starting"}</em></p>`;let isSilent=run.isOver&&run.steps.every(step=>step.text===""&&step.calls.length===0);return b2`
      ${run.steps.map(step=>b2`${stepText(run,step)} ${step.calls.map(call=>callCard(call))}`)}
      ${isSilent&&run.output?b2`<div class="ab-prose">${drawMarkdown(run.output)}</div>`:A}
      ${isSilent&&!run.output?b2`<p class="ab-muted">No answer was written.</p>`:A}
      ${sourceList(run)}
    `}chart(){let{bars,totalMs}=waterfall(this.run,Date.now());if(bars.length===0)return b2`<p class="ab-muted">Nothing has happened yet.</p>`;let share=ms=>`${Math.min(100,ms/totalMs*100).toFixed(2)}%`;return b2`<div class="ab-waterfall" role="table" aria-label="Duration of each part">
      <div class="ab-axis" aria-hidden="true">
        ${ticks(totalMs).map(mark=>b2`<span style="left:${share(mark)}">${mark===0?"0":duration(mark)}</span>`)}
      </div>
      ${bars.map(bar=>this.bar(bar,share))}
    </div>`}bar(bar,share){let took=duration(bar.to-bar.from);return b2`<div class="ab-bar-row" role="row">
      <div class="ab-bar-label" role="rowheader" title="${bar.label}${bar.detail?` · ${bar.detail}`:""}">
        ${bar.step?b2`<span class="ab-bar-step" aria-label="Step ${bar.step}">${bar.step}</span>`:A}
        <span>${bar.label}</span>
      </div>
      <div class="ab-bar-track" role="cell">
        <span
          class="ab-bar ab-bar-${bar.kind} ${bar.isOpen?"ab-open":""} ${bar.isError?"ab-error":""}"
          style="left:${share(bar.from)};width:max(3px, calc(${share(bar.to)} - ${share(bar.from)}))"
          title="${bar.label}: ${took}, from ${duration(bar.from)} to ${duration(bar.to)}"
        ></span>
      </div>
      <div class="ab-bar-time" role="cell">${took}</div>
    </div>`}events(){let{run}=this;if(run.events.length===0)return b2`<p class="ab-muted">No events yet.</p>`;let origin=run.queuedAt??0;return b2`<ol class="ab-events" data-testid="events">
      ${run.events.map(event=>this.event(event,origin))}
    </ol>`}event(event,origin){let family=event.type.split(".")[0]??"",isBad=event.type==="run.failed"||event.type==="tool.completed"&&event.data.result.is_error;return b2`<li>
      <details>
        <summary>
          <span class="ab-event-seq">${event.seq}</span>
          <span class="ab-event-time">+${duration(Date.parse(event.at)-origin)}</span>
          <span class="ab-event-type ab-family-${family} ${isBad?"ab-bad":""}">${event.type}</span>
          <span class="ab-event-text">${oneLine(summary(event),160)}</span>
        </summary>
        ${event.data.is_truncated?b2`<p class="ab-muted">Shortened. The whole message is number ${event.data.message_sequence} of the session.</p>`:A}
        <pre tabindex="0">${JSON.stringify(event.data,null,2)}</pre>
        <p class="ab-muted">${clock(event.at)} · attempt ${event.attempt} · ${plural(JSON.stringify(event.data).length,"character")}</p>
      </details>
    </li>`}};customElements.define("agent-chat",AgentChat);customElements.define("agent-builder",AgentBuilder);customElements.define("run-timeline",RunTimeline);
